"""Where the older releases had their builder; scripts that import it from here go on working."""
