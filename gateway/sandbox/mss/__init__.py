"""The simulated MSSanté operator: submission with STARTTLS and a client certificate, and a reader of mails who takes nothing on trust."""
