"""MSSanté: addresses, IHE_XDM archives, frozen mails and their hand-over to the operator. Never decides when to try again: flow does."""
