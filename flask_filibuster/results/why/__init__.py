"""Why a fault set was executed, or was not."""
