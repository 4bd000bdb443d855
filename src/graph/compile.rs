//! Puts relations in the place of names: edits spans of the rendered text, never writes SQL anew.
