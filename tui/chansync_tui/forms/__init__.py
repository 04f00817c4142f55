"""Forms: the fields of a channel, a system or a record of the ERP, edited in one list."""
