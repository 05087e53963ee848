"""Tests of the simulated DMP, with requests of a builder of their own."""
