"""What a dataset holds and what it cost: numbers, and a page of them."""
