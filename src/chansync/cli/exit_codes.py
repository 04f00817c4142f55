"""What the command's exit code says. Scripts may rely on these.

====  ==========================================================================================
code  meaning
====  ==========================================================================================
0     done
1     done, but problems were found, or it failed for another reason than those below
2     the command line, a file that was given, or a setting is wrong
3     the database cannot be used: missing, newer, locked, damaged, full; or the keys cannot be opened
4     a site cannot be reached, or refused
130   interrupted from the keyboard
141   whoever read the output stopped reading
====  ==========================================================================================
"""

OK = 0
PROBLEMS = 1
USAGE = 2
DATABASE = 3
SITE = 4
INTERRUPTED = 130
OUTPUT_CLOSED = 141
