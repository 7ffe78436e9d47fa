package archive

// The names of a ledger's directories.
const (
	TreeDir   = "tree"
	BodiesDir = "bodies"
)
