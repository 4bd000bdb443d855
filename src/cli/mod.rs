//! The command line: one file per command, `printer` alone prints.
