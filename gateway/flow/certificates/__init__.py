"""The life of certificates: brought in, watched, rehearsed, put into use and, when a service refuses them, taken back."""
