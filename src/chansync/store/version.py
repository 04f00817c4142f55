"""Which schema this program works with."""

#: ``PRAGMA application_id`` of a chansync database: "CHSY".
APPLICATION_ID = 0x43485359

#: ``PRAGMA user_version``: the number of the last migration.
SCHEMA_VERSION = 4
