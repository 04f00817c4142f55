"""The files of the user of the screens: preferences, keys, unsaved drafts and the log of actions."""
