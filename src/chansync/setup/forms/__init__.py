"""Forms: what the fields of a channel, a system or a record of the ERP are, and how they are loaded, checked and saved.

Everything that a front end needs to offer a form, made from the tables; it draws them and knows no field by name.
"""
