"""The exit codes of the commands. Scripts may rely on them.

====  ==========================================================================================
code  meaning
====  ==========================================================================================
0     done
1     done, but problems were found, or it failed for another reason than those below
2     the command line, a file that was given, or a setting is wrong
3     the database cannot be used: missing, newer, locked, damaged, full; or the keys cannot be opened
4     a site cannot be reached, or refused
5     what was to be added or written exists already; nothing was changed
130   interrupted from the keyboard
141   the reader of the output has closed it
====  ==========================================================================================

If only a person can repair the database, the daemon ends with one of these codes (from ``sysexits.h``), for which the
unit has no restart (``RestartPreventExitStatus``):

====  ==========================================================================================
code  meaning
====  ==========================================================================================
65    the database is damaged, or is no database
66    it was deleted, moved or replaced
77    the daemon's user lacks the rights to it
78    it was written by a newer chansync or by another program, another machine's daemon worked on it within a day, or
      its lock file is not an empty file
====  ==========================================================================================

``chansync doctor`` ends with 1 if it found problems, and with 0 if it found nothing or only warnings. ``chansync
health`` has the exit codes of monitoring plug-ins: 0 ok, 1 warning, 2 critical, 3 unknown (``chansync.doctor.health``).
"""

OK = 0
PROBLEMS = 1
USAGE = 2
DATABASE = 3
SITE = 4
EXISTS = 5
DATABASE_DAMAGED = 65
DATABASE_GONE = 66
DATABASE_FORBIDDEN = 77
DATABASE_OTHER = 78
INTERRUPTED = 130
OUTPUT_CLOSED = 141
