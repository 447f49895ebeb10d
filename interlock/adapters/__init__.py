"""Everything outside, one module or folder for each thing; `connections` opens them."""
