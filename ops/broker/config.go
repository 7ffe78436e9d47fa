package broker

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// ServerOptions are what [Authority.ServerConfig] can't know.
type ServerOptions struct {
	// Name of the server, unique in a cluster; "saksi-<authority>" by default.
	Name string
	// Listen is a host and port, as in [Config].
	Listen string
	// StoreDir, as seen by the server, for "jetstream" and "accounts".
	StoreDir string
	// SyncInterval as in [Config], in whole milliseconds. Negative fsyncs each
	// message before it is acknowledged (sync_interval: always): some 4,000
	// messages a second on a small disk.
	SyncInterval time.Duration
	// MaxPayload in bytes, 1 MiB by default.
	MaxPayload int
	// TLSCert and TLSKey are files, as seen by the server; TLS 1.3 is the least then.
	// Without them Listen must be a loopback address, or Behind true.
	TLSCert, TLSKey string
	// Behind says that a proxy before the server demands TLS of everybody.
	Behind bool
}

var serverConfig = template.Must(template.New("nats-server.conf").Funcs(template.FuncMap{"quote": quote}).Parse(
	`# NATS server of the Saksi ledger of {{quote .Authority}}. It holds no secret: the JWTs
# below are signed, and say what each account may do. Accounts admitted later are
# pushed to the running server, which keeps them under "accounts".
server_name: {{quote .Name}}
listen: {{quote .Listen}}
max_payload: {{.MaxPayload}}

{{- if .TLSCert}}

tls {
  cert_file: {{quote .TLSCert}}
  key_file: {{quote .TLSKey}}
  min_version: "1.3"
}
{{- end}}

jetstream {
  store_dir: {{quote .StoreDir}}
  sync_interval: {{.Sync}}
}

operator: {{quote .Operator}}
system_account: {{quote .System}}
resolver {
  type: full
  dir: {{quote .AccountsDir}}
  allow_delete: false
  interval: "1m"
}
resolver_preload {
{{- range .Accounts}}
  {{.ID}}: {{quote .Token}}
{{- end}}
}
`))

// ServerConfig writes a configuration with which the stock nats-server (2.14 or
// later) runs as [Start] would run it, with the accounts there are now. For a
// cluster add its section, and a name for each server. When the server runs,
// new and changed accounts reach it through [Authority.Push].
func (a *Authority) ServerConfig(w io.Writer, o ServerOptions) error {
	if err := a.writeConfig(w, o); err != nil {
		return fmt.Errorf("broker: write nats-server configuration: %w", err)
	}
	return nil
}

func (a *Authority) writeConfig(w io.Writer, o ServerOptions) error {
	if o.StoreDir == "" {
		return fmt.Errorf("no store directory given")
	}
	host, port, err := splitListen(o.Listen)
	if err != nil {
		return err
	}
	switch ip := net.ParseIP(host); {
	case (o.TLSCert == "") != (o.TLSKey == ""):
		return errors.New("TLS needs both a certificate and its key")
	case o.TLSCert == "" && !o.Behind && host != "localhost" && (ip == nil || !ip.IsLoopback()):
		return fmt.Errorf("the server would listen on %s, beyond its machine, without TLS: give it a certificate, unless a proxy before it demands TLS of everybody", o.Listen)
	}
	tokens, err := a.allTokens()
	if err != nil {
		return err
	}
	sync := "always"
	if o.SyncInterval >= 0 {
		sync = fmt.Sprintf("%q", orDefault(o.SyncInterval, defaultSyncInterval).Round(time.Millisecond).String())
	}
	type account struct{ ID, Token string }
	var accounts []account
	for _, id := range slices.Sorted(maps.Keys(tokens)) {
		accounts = append(accounts, account{id, tokens[id]})
	}
	return serverConfig.Execute(w, struct {
		Authority, Name, Listen, StoreDir, AccountsDir, Sync, Operator, System, TLSCert, TLSKey string
		MaxPayload                                                                              int
		Accounts                                                                                []account
	}{
		a.name, orDefault(o.Name, "saksi-"+a.name), net.JoinHostPort(host, strconv.Itoa(port)),
		o.StoreDir, filepath.Join(o.StoreDir, storeAccounts), sync, a.operator, a.hubID[hubSystem], o.TLSCert, o.TLSKey,
		orDefault(o.MaxPayload, defaultMaxPayload),
		accounts,
	})
}

// quote writes s as a string of nats-server's configuration language, whose
// escapes are those of Go for the characters that can occur here.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s) + `"`
}
