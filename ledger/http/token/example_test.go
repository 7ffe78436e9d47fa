package token_test

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/http/token"
)

// one is a register of one reader.
type one struct{ entry token.Entry }

func (o one) Grantee(name string, key events.KeyID) (token.Entry, bool, error) {
	return o.entry, name == o.entry.Name && key == o.entry.Key.ID(), nil
}

func Example() {
	// The reader's side: a key that never leaves it.
	signer, err := events.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	text, err := token.Mint(signer, "supervision-desk", "ledger.example.my/saksi/2026", time.Now(), time.Hour)
	if err != nil {
		panic(err)
	}

	// The server's: the public key is in its register.
	verifier := &token.Verifier{
		Origin: "ledger.example.my/saksi/2026",
		Register: one{token.Entry{
			Grantee: token.Grantee{Name: "supervision-desk", Role: token.Supervisor, Facilities: []string{"lab-1"}},
			Key:     signer.PublicKey(),
		}},
	}
	who, err := verifier.Verify(text)
	if err != nil {
		panic(err)
	}
	fmt.Println(who.Name, who.Role, who.Facilities, who.Bodies())
	// Output: supervision-desk supervisor [lab-1] true
}
