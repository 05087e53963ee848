"""Card readers and professionals' cards as the workstations of the LAN use them."""
