"""Everything that reads what people or sites wrote, fed with noise."""
