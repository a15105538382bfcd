"""There are none. Django tells only apps that have this file that the database was migrated."""
