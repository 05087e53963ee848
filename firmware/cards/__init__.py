"""Readers and cards over PC/SC, and CPx cards through a PKCS#11 module. Source: dossier cards.md."""
