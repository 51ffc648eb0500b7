//! Scores answers.
