"""What every wing says the same way: arguments checked by name, advice about errors, tracebacks
that end where the caller's code does."""
