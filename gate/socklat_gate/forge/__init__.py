"""What a code host shows of a gate; what is the same for all of them is here."""
