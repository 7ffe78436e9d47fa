package ledger

// The names of a ledger's directories.
const (
	treeDir   = "tree"
	bodiesDir = "bodies"
)
