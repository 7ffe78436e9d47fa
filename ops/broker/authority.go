package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// Errors that callers decide by; they arrive wrapped.
var (
	// ErrExists: Init was pointed at a directory that isn't empty.
	ErrExists = errors.New("directory isn't empty")
	// ErrUnknownOperator: no such operator was ever admitted.
	ErrUnknownOperator = errors.New("operator was never admitted")
	// ErrUnknownReader: no such reader was ever admitted.
	ErrUnknownReader = errors.New("reader was never admitted")
	// ErrUnknownAuthority: no such authority was ever admitted.
	ErrUnknownAuthority = errors.New("authority was never admitted")
	// ErrSuspended: the operator or reader is suspended; only its readmission
	// lifts that.
	ErrSuspended = errors.New("it is suspended")
)

// The layout of an authority's directory. Directories are 0700, files 0600.
//
//	operator.jwt              the trust root: name, public key, system account
//	hub/<account>.jwt         system, ledger, projections, authority
//	accounts/<operator>.jwt   the account as it is meant to be now
//	accounts/<operator>.nk    its key                              secret
//	readers/<reader>.jwt .nk  the same of a reader                 .nk: secret
//	keys/<name>.nk            operator and the hub's accounts      secret
//	creds/<role>.creds        what a client of that role needs     secret
//	lock                      held while an account is changed
//
// A server needs the JWTs alone: a copy of operator.jwt, hub/, accounts/*.jwt and
// readers/*.jwt serves [Open], [Start] and [Authority.ServerConfig] on a machine
// that is trusted with no key.
const (
	dirHub      = "hub"
	dirAccounts = "accounts"
	dirReaders  = "readers"

	dirAuthorities = "authorities"
	dirKeys        = "keys"
	dirCreds       = "creds"

	fileOperator = "operator.jwt"
	fileLock     = "lock"

	hubSystem      = "system"
	hubLedger      = "ledger"
	hubProjections = "projections"
	hubAuthority   = "authority"
)

func hubAccounts() []string { return []string{hubSystem, hubLedger, hubProjections, hubAuthority} }

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func checkName(kind, name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%s name %q: must be 1 to 40 of a-z, 0-9 and '-', and not begin with '-'", kind, name)
	}
	return nil
}

// Authority is the key material of one authority and the accounts it signed. Its
// methods may be called concurrently, also by several processes on the same
// directory: each change of an account holds a lock and begins from the files.
type Authority struct {
	dir  string
	name string

	operator string            // operator.jwt
	hub      map[string]string // account JWTs by hub name
	hubID    map[string]string // their public keys

	mu sync.Mutex // held with the file lock, which doesn't exclude this process
}

// Init makes the key material of the authority called name under dir, which must
// be empty or not exist: keys, accounts, and credentials for each [Role].
// operator.jwt is written last; without it Init didn't finish. The error is
// [ErrExists] if there is something in dir.
func Init(dir, name string) error {
	if err := initialise(dir, name); err != nil {
		return fmt.Errorf("broker: make authority %q in %s: %w", name, dir, err)
	}
	return nil
}

func initialise(dir, name string) error {
	if err := checkName("authority", name); err != nil {
		return err
	}
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	switch names, err := os.ReadDir(dir); {
	case err != nil:
		return err
	case len(names) > 0:
		return fmt.Errorf("%w: keys are never overwritten; choose another directory, or move this one away", ErrExists)
	}
	// The directory may have existed, with a wider mode.
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	for _, d := range []string{dirHub, dirAccounts, dirReaders, dirAuthorities, dirKeys, dirCreds} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}

	operator, err := nkeys.CreateOperator()
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, dirKeys, "operator.nk"), operator); err != nil {
		return err
	}
	h := hubMaker{dir: dir, operator: operator}
	systemID := h.account(hubSystem, RoleSystem, systemPermissions(), func(*jwt.AccountClaims) {})
	ledgerID := h.account(hubLedger, RoleLedger, ledgerPermissions(), func(c *jwt.AccountClaims) {
		c.Exports = ledgerExports()
		c.Limits.JetStreamLimits = withJetStream()
	})
	h.user(hubLedger, RoleEraser, eraserPermissions())
	h.user(hubLedger, RoleDisclosures, custodianPermissions())
	h.user(hubLedger, RoleIntake, intakePermissions())
	h.projections()
	r := authorityReach(name)
	h.account(hubAuthority, RoleAuthority, r.permissions(), func(c *jwt.AccountClaims) {
		c.Imports = r.imports(ledgerID)
		Limits{}.orDefault().apply(c)
	})
	if h.err != nil {
		return h.err
	}

	id, err := operator.PublicKey()
	if err != nil {
		return err
	}
	c := jwt.NewOperatorClaims(id)
	c.Name = name
	c.SystemAccount = systemID
	token, err := encode(c, operator)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, fileOperator), []byte(token))
}

// hubMaker makes accounts with one user each; after an error it does nothing.
type hubMaker struct {
	dir      string
	operator nkeys.KeyPair
	err      error
}

func (h *hubMaker) projections() {
	h.account(hubProjections, RoleProjections, projectionsPermissions(), func(c *jwt.AccountClaims) {
		c.Exports = projectionsExports()
		c.Limits.JetStreamLimits = withJetStream()
	})
}

func withJetStream() jwt.JetStreamLimits {
	return jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
}

func (h *hubMaker) account(name string, role Role, p jwt.Permissions, set func(*jwt.AccountClaims)) (id string) {
	if h.err != nil {
		return ""
	}
	id, h.err = h.make(name, role, p, set)
	return id
}

func (h *hubMaker) make(name string, role Role, p jwt.Permissions, set func(*jwt.AccountClaims)) (string, error) {
	account, err := nkeys.CreateAccount()
	if err != nil {
		return "", err
	}
	if err := writeKey(filepath.Join(h.dir, dirKeys, name+".nk"), account); err != nil {
		return "", err
	}
	id, err := account.PublicKey()
	if err != nil {
		return "", err
	}
	c := jwt.NewAccountClaims(id)
	c.Name = name
	c.Limits.DisallowBearer = true
	set(c)
	token, err := encode(c, h.operator)
	if err != nil {
		return "", err
	}
	if err := writeFile(filepath.Join(h.dir, dirHub, name+".jwt"), []byte(token)); err != nil {
		return "", err
	}

	return id, makeUser(h.dir, account, role, p)
}

// user makes one more user in an account.
func (h *hubMaker) user(name string, role Role, p jwt.Permissions) {
	if h.err != nil {
		return
	}
	account, err := readKey(filepath.Join(h.dir, dirKeys, name+".nk"))
	if err != nil {
		h.err = err
		return
	}
	defer account.Wipe()
	h.err = makeUser(h.dir, account, role, p)
}

// makeUser makes a user of an account, and its credentials file.
func makeUser(dir string, account nkeys.KeyPair, role Role, p jwt.Permissions) error {
	user, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	id, err := user.PublicKey()
	if err != nil {
		return err
	}
	token, err := encode(userClaims(string(role), id, p), account)
	if err != nil {
		return err
	}
	seed, err := user.Seed()
	if err != nil {
		return err
	}
	creds, err := Creds(token, seed)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, dirCreds, string(role)+".creds"), creds)
}

// userClaims has no connection type for leaf nodes or MQTT: those apply
// permissions in their own ways.
func userClaims(name, id string, p jwt.Permissions) *jwt.UserClaims {
	c := jwt.NewUserClaims(id)
	c.Name = name
	c.Permissions = p
	c.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket, jwt.ConnectionTypeInProcess)
	return c
}

func encode(c jwt.Claims, signer nkeys.KeyPair) (string, error) {
	var vr jwt.ValidationResults
	c.Validate(&vr)
	if vr.IsBlocking(true) {
		return "", fmt.Errorf("sign claims of %s: %w", c.Claims().Name, errors.Join(vr.Errors()...))
	}
	token, err := c.Encode(signer)
	if err != nil {
		return "", fmt.Errorf("sign claims of %s: %w", c.Claims().Name, err)
	}
	return token, nil
}

// Open loads the authority made by [Init] in dir. Keys are read when something
// has to be signed, so a directory without them is enough to run a server.
func Open(dir string) (*Authority, error) {
	a, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("broker: open authority in %s: %w", dir, err)
	}
	return a, nil
}

func open(dir string) (*Authority, error) {
	token, err := os.ReadFile(filepath.Join(dir, fileOperator))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no authority was made here, or making it didn't finish", err)
	} else if err != nil {
		return nil, err
	}
	c, err := jwt.DecodeOperatorClaims(string(token))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileOperator, err)
	}
	a := &Authority{dir: dir, name: c.Name, operator: string(token), hub: map[string]string{}, hubID: map[string]string{}}
	for _, name := range hubAccounts() {
		path := filepath.Join(dir, dirHub, name+".jwt")
		token, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && name == hubProjections {
			token, err = a.addProjections(path)
		}
		if err != nil {
			return nil, err
		}
		ac, err := jwt.DecodeAccountClaims(string(token))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if !c.DidSign(ac) {
			return nil, fmt.Errorf("%s isn't signed by the key in %s: the files are of two authorities", path, fileOperator)
		}
		a.hub[name], a.hubID[name] = string(token), ac.Subject
	}
	if c.SystemAccount != a.hubID[hubSystem] {
		return nil, fmt.Errorf("%s names another system account than %s/%s.jwt: the files are of two authorities", fileOperator, dirHub, hubSystem)
	}
	return a, nil
}

// addProjections makes the account PROJECTIONS in a directory that was made
// before there was one.
func (a *Authority) addProjections(path string) ([]byte, error) {
	unlock, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if token, err := os.ReadFile(path); err == nil {
		return token, nil // another process was first
	}
	operator, err := readKey(filepath.Join(a.dir, dirKeys, "operator.nk"))
	if err != nil {
		return nil, fmt.Errorf("the account PROJECTIONS is missing, and can't be made here: %w", err)
	}
	defer operator.Wipe()
	h := hubMaker{dir: a.dir, operator: operator}
	h.projections()
	if h.err != nil {
		return nil, h.err
	}
	return os.ReadFile(path)
}

// Name is the authority's name, as in registry.<name>.
func (a *Authority) Name() string { return a.name }

// CredsFile is where the credentials of role are.
func (a *Authority) CredsFile(role Role) string {
	return filepath.Join(a.dir, dirCreds, string(role)+".creds")
}

// LedgerAccount is the public key of the account LEDGER, under which a server
// keeps the stream.
func (a *Authority) LedgerAccount() string { return a.hubID[hubLedger] }

// ProjectionsAccount is the public key of the account PROJECTIONS, under which a
// server keeps the feeds.
func (a *Authority) ProjectionsAccount() string { return a.hubID[hubProjections] }
