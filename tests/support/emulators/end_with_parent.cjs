// Loaded before a server: it ends when its standard input does, which is when its parent is gone.
process.stdin.on("end", () => process.exit(0)).resume();
