"""What prepares and maintains a box: first boot, enrolment, pairing, backup, update."""
