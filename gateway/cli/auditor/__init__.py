"""What auditors ask of an exchange log: queries in others' formats, reports, proofs, incidents."""
