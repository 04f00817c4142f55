"""What moves between a site and the ERP. Both front ends and the daemon call this and own no logic of their own."""
