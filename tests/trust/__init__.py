"""Keys, certificates and signatures, judged by xmlsec1 and openssl."""
