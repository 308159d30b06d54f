"""The program around the library: the command line, run folders, reports."""
