"""What all parts of the package share: checks of arguments, advice about errors, and tracebacks
that end in the caller's code."""
