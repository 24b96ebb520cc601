//! The USP agent machine and controller machine, free of IO.
