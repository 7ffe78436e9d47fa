package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

func TestTrustFile(t *testing.T) {
	_, log := fixedLog(t, origin)
	plain := `{"v":1,"ledgers":[{"origin":"` + origin + `","key":"` + log.Key() + `","genesis":"LG1Dah2clhwtxv8MYfqjnrZY7U9he/0rLLRke7PEmBU="}]}`
	ledger := strings.TrimSuffix(strings.TrimPrefix(plain, `{"v":1,"ledgers":[`), `]}`)
	rekor := newRekor(t, 2, "rekor-2.example", true).trusted
	text, err := json.Marshal(rekor)
	if err != nil {
		t.Fatal(err)
	}
	anchorKey := base64.StdEncoding.EncodeToString(spki(t, fixedECDSA(t, anchorKey).Public()))
	with := func(member string) string { return strings.TrimSuffix(plain, "}") + "," + member + "}" }
	keyed := func(key string) string {
		return strings.Replace(plain, `"}]}`, `","anchorKeys":["`+key+`"]}]}`, 1)
	}
	for _, row := range []struct{ name, says, text string }{
		{"as it was before there were anchors", "", plain},
		{"with white space", "", "\n" + strings.ReplaceAll(plain, ",", ", ") + "\n"},
		{"with a Rekor", "", with(`"rekors":[` + string(text) + `]`)},
		{"with an anchor key", "", keyed(anchorKey)},
		{"with an anchor key in PEM", "", keyed(strings.ReplaceAll(string(pemOf(t, anchorKey)), "\n", `\n`))},
		{"empty", "not a trust file", ""},
		{"two documents", "not a trust file", plain + plain},
		{"a member that is not known", "not a trust file", with(`"x":1`)},
		{"a member twice", "not a trust file", with(`"v":1`)},
		{"a member in another case", "not a trust file", strings.Replace(plain, `"ledgers"`, `"Ledgers"`, 1)},
		{"version 2", "version 2", strings.Replace(plain, `"v":1`, `"v":2`, 1)},
		{"no ledger", "names no ledger", `{"v":1,"ledgers":[]}`},
		{"a ledger twice", "twice", `{"v":1,"ledgers":[` + ledger + `,` + ledger + `]}`},
		{"another log's key", "has a key of", strings.Replace(plain, `"origin":"`, `"origin":"x`, 1)},
		{"an anchor key that is none", "anchor key", keyed("x")},
		{"an anchor key of Ed25519", "not ECDSA P-256", keyed(rekor.Key)},
		{"a Rekor of version 3", "want 1 or 2", with(`"rekors":[` + strings.Replace(string(text), `"version":2`, `"version":3`, 1) + `]`)},
		{"a Rekor without a key", "its key", with(`"rekors":[{"origin":"x","key":"","version":1}]`)},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := verify.ParseTrust([]byte(row.text))
			expect(t, err, row.says)
		})
	}
}
