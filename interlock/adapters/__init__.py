"""Everything outside, a module or folder for each; `connections` opens them."""
