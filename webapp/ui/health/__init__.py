"""Probes for machines: is the process alive, is it ready to serve?"""
