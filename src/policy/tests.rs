//! The decision against tables written independently of the code.
