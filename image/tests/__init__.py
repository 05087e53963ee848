"""The image booted in a virtual machine; `make image-test`, apart from the other tests."""
