"""Who is paired with the box: the list, a name, another token, and the end of an access."""
