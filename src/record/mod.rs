//! `Events -> history`: what is written about runs.
