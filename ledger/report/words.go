package report

import "fmt"

// words are the sentences of a language, as formats by their keys. Both languages have
// the same keys, with the same arguments.
type words map[string]string

func (w words) say(key string, args ...any) string {
	format, ok := w[key]
	if !ok {
		return "[" + key + "]" // a test holds that there is none such
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

var english = words{
	"one.event":   "1 event",
	"events.n":    "%d events",
	"one.leaf":    "1 leaf",
	"leaves.n":    "%d leaves",
	"title":       "Report on evidence",
	"subtitle":    "Events from the ledger %s",
	"holds":       "Everything in this file holds by the trust file named below. It was checked without asking anybody.",
	"examined":    "What was examined",
	"file":        "File",
	"size":        "Size",
	"bytes":       "%d bytes",
	"digest":      "SHA-256 of the file",
	"trust":       "SHA-256 of the trust file",
	"made":        "Report made",
	"made.by":     "%s, by saksi %s, by the clock of whoever made it",
	"ledger":      "Ledger",
	"ledger.by":   "%s, run by %s",
	"about":       "Events",
	"about.count": "%s on %s; not shown: %d",

	"proven":         "What is proven",
	"proven.lead":    "This follows from signatures and hashes, by keys in the trust file or that these lead to.",
	"proven.tree":    "The ledger %s signed a tree of %s with the root %s. Every event below was signed by whom it names and stands in that tree. None can be changed or taken out without the ledger contradicting its own signature.",
	"group.said":     "%s said %s on %s, from %s to %s.",
	"group.withheld": "It said %d more, which are not shown: that they were signed at their places is proven, and not what they say.",
	"signer":         "Signed by the key %.16s… of %s, which %s registered in event %s.",
	"signer.genesis": "Signed by the key %.16s… of %s, which the ledger's genesis names.",
	"revoked":        "The key %.16s… was revoked afterwards, by %s in event %s, with the reason “%s”.",
	"registry":       "The registry then had the operator %s of %s, the facility %s in %s, and a recorder of the kind %s.",
	"the.ledger":     "the ledger",

	"when.head":        "When it was received",
	"when":             "at the earliest %s; at the latest %s.",
	"when.by":          "%s, by the word of the %s",
	"when.unknown":     "not known",
	"when.ledger":      "The ledger's own word is outside of that by more than %s, for %d of its leaves.",
	"when.contradicts": "Of two who say so one is wrong, as the earliest is later than the latest.",

	"whom":            "By whom",
	"whom.lead":       "Beside the ledger itself, these have signed that they saw its tree. Who runs each, and who is independent, is the trust file's word.",
	"whom.none":       "Nobody but the ledger itself.",
	"kind":            "What",
	"kind.witness":    "witness",
	"kind.timestamp":  "timestamp authority",
	"kind.rekor":      "Rekor",
	"name":            "Name",
	"owner":           "Run by",
	"independent":     "Independent",
	"not.independent": "not independent",
	"signed":          "Signed",
	"time":            "Time, by their word",
	"what.witness":    "the tree of %s continues all that it had seen",
	"what.timestamp":  "a time for the tree of %s (RFC 3161)",
	"what.rekor":      "the tree of %s stands there as entry %d",
	"yes":             "yes",
	"no":              "no",

	"said":          "What is only said",
	"said.received": "That the leaves of %s were received from %s to %s is the word of whoever runs the ledger.",
	"said.time":     "When an event says that it happened is the word of its operator.",
	"said.content":  "What events say is the word of whoever signed them.",
	"said.times":    "Each time under “By whom” is the word of who signed.",

	"open":             "What is not proven",
	"open.true":        "That what the events say is true.",
	"open.all":         "That this is all that happened.",
	"open.all.hidden":  "That this is all that happened. The same envelopes hold %s more that this evidence is not about.",
	"open.withheld":    "What events say that are not shown, %d in all. They were erased from the ledger, or somebody took them out of this evidence.",
	"open.independent": "That anybody independent of the ledger's owner has seen the same tree.",
	"open.quorum":      "That a quorum of witnesses has seen the same tree: the trust file names none, or too few of them have signed.",
	"open.registry":    "That no registry event which is not shown revoked a key, suspended an operator or declared something anew before. The ledger accepted the leaves, and so says that none did.",
	"open.revocation":  "That no certificate of a timestamp authority was revoked.",
	"open.revoked":     "When the tree of %s was there, by the timestamp over it: its authority's certificate was revoked, as a list in the trust file says, and the token does not count.",
	"open.persons":     "Who stands behind a pseudonym.",

	"events":      "Events",
	"event":       "Event",
	"event.time":  "Time, as it says",
	"recorder":    "Recorder",
	"type":        "Type",
	"withheld":    "not shown",
	"events.more": "%d more are not listed here; saksi verify --records lists all.",

	"custody":           "Custody of this file",
	"custody.none":      "Nothing is known of whose hands it went through.",
	"custody.did":       "Done",
	"custody.by":        "By",
	"custody.key":       "Key",
	"custody.known":     "named in the trust file",
	"custody.unknown":   "not named in the trust file",
	"custody.note":      "Note",
	"custody.backwards": "before the entry above",
	"action.made":       "made out of the ledger",
	"action.redacted":   "made by taking events out of another file",
	"action.handed":     "handed over",
	"action.received":   "received",
	"action.examined":   "examined",
	"action.stored":     "stored",

	"s90a.draft": "DRAFT FOR COUNSEL — NOT A CERTIFICATE",
	"s90a.title": "Certificate under section 90A of the Evidence Act 1950 (Act 56), Malaysia",
	"s90a.warn":  "A program made this draft, out of what it found in the evidence. It is no legal advice. Counsel must compare it with the Act and the rules of court as they now stand, decide whether the section applies, strike what is not so, and have it signed by a person whom the section lets sign. Blanks are for that person to fill, from their own knowledge.",
	"s90a.1":     "I, ____________________ (name), ____________________ (identity card or passport), of ____________________ (organisation), hold the position of ____________________.",
	"s90a.2":     "I am responsible for the management of the operation of the computer described below, or for the conduct of the activities for which it was used. [Counsel: which of the two, and since when.]",
	"s90a.3":     "The computer: the node of the ledger %s, at ____________________. [Counsel: and the computer on which the document was put together, if that is another.]",
	"s90a.4":     "The document: the file %s of %d bytes, with the SHA-256 digest %s, which shows %s on %s of that ledger, of a tree of %s with the root %s.",
	"s90a.5":     "The document was produced by that computer in the course of its ordinary use.",
	"s90a.6":     "To the best of my knowledge and belief, the computer was in good working order and operating properly throughout the period in which the document was produced, or, where it was not, that did not affect the document, because: ____________________.",
	"s90a.7":     "What is stated here is to the best of my knowledge and belief. What the events say is the word of the operators who signed them: I certify how the document was produced, and not that they are true.",
	"s90a.sign":  "Signature: ____________________   Date: ____________________   Before: ____________________",
}

var malay = words{
	"one.event":   "1 peristiwa",
	"events.n":    "%d peristiwa",
	"one.leaf":    "1 daun",
	"leaves.n":    "%d daun",
	"title":       "Laporan tentang bukti",
	"subtitle":    "Peristiwa daripada lejar %s",
	"holds":       "Segala yang ada dalam fail ini sah menurut fail kepercayaan yang dinamakan di bawah. Ia disemak tanpa bertanya sesiapa.",
	"examined":    "Apa yang diperiksa",
	"file":        "Fail",
	"size":        "Saiz",
	"bytes":       "%d bait",
	"digest":      "SHA-256 fail",
	"trust":       "SHA-256 fail kepercayaan",
	"made":        "Laporan dibuat",
	"made.by":     "%s, oleh saksi %s, menurut jam pembuatnya",
	"ledger":      "Lejar",
	"ledger.by":   "%s, dikendalikan oleh %s",
	"about":       "Peristiwa",
	"about.count": "%s pada %s; tidak ditunjukkan: %d",

	"proven":         "Apa yang terbukti",
	"proven.lead":    "Ini terbukti daripada tandatangan dan cincangan, menurut kunci dalam fail kepercayaan atau yang berpunca daripadanya.",
	"proven.tree":    "Lejar %s menandatangani pokok %s dengan akar %s. Setiap peristiwa di bawah ditandatangani oleh pihak yang dinamakan dan berada dalam pokok itu. Tiada satu pun boleh diubah atau dikeluarkan tanpa lejar itu menyanggah tandatangannya sendiri.",
	"group.said":     "%s menyatakan %s pada %s, dari %s hingga %s.",
	"group.withheld": "Ia menyatakan %d lagi yang tidak ditunjukkan: terbukti bahawa semuanya ditandatangani pada tempatnya, tetapi bukan apa yang dinyatakan.",
	"signer":         "Ditandatangani dengan kunci %.16s… milik %s, yang didaftarkan oleh %s dalam peristiwa %s.",
	"signer.genesis": "Ditandatangani dengan kunci %.16s… milik %s, yang dinamakan oleh genesis lejar.",
	"revoked":        "Kunci %.16s… dibatalkan kemudian, oleh %s dalam peristiwa %s, dengan sebab “%s”.",
	"registry":       "Daftar ketika itu mempunyai pengendali %s dari %s, kemudahan %s di %s, dan perakam jenis %s.",
	"the.ledger":     "lejar",

	"when.head":        "Bila ia diterima",
	"when":             "paling awal %s; paling lewat %s.",
	"when.by":          "%s, menurut kata %s",
	"when.unknown":     "tidak diketahui",
	"when.ledger":      "Kata lejar itu sendiri di luar tempoh itu lebih daripada %s, bagi %d daunnya.",
	"when.contradicts": "Salah satu daripada dua pihak yang berkata demikian tersilap, kerana yang paling awal lebih lewat daripada yang paling lewat.",

	"whom":            "Oleh siapa",
	"whom.lead":       "Selain lejar itu sendiri, pihak berikut menandatangani bahawa mereka telah melihat pokoknya. Siapa pengendalinya, dan siapa yang bebas, adalah menurut fail kepercayaan.",
	"whom.none":       "Tiada sesiapa selain lejar itu sendiri.",
	"kind":            "Apa",
	"kind.witness":    "saksi",
	"kind.timestamp":  "pihak berkuasa cap masa",
	"kind.rekor":      "Rekor",
	"name":            "Nama",
	"owner":           "Dikendalikan oleh",
	"independent":     "Bebas",
	"not.independent": "tidak bebas",
	"signed":          "Menandatangani",
	"time":            "Masa, menurut kata mereka",
	"what.witness":    "pokok %s menyambung semua yang telah dilihatnya",
	"what.timestamp":  "masa bagi pokok %s (RFC 3161)",
	"what.rekor":      "pokok %s ada di situ sebagai entri %d",
	"yes":             "ya",
	"no":              "tidak",

	"said":          "Apa yang hanya dikatakan",
	"said.received": "Bahawa daun %s diterima dari %s hingga %s adalah kata pengendali lejar.",
	"said.time":     "Masa kejadian yang dinyatakan oleh sesuatu peristiwa adalah kata pengendalinya.",
	"said.content":  "Apa yang dinyatakan oleh peristiwa adalah kata penandatangannya.",
	"said.times":    "Setiap masa di bawah “Oleh siapa” adalah kata penandatangannya.",

	"open":             "Apa yang tidak terbukti",
	"open.true":        "Bahawa apa yang dinyatakan oleh peristiwa itu benar.",
	"open.all":         "Bahawa inilah semua yang berlaku.",
	"open.all.hidden":  "Bahawa inilah semua yang berlaku. Sampul yang sama mengandungi %s lagi yang bukan perkara bukti ini.",
	"open.withheld":    "Apa yang dinyatakan oleh peristiwa yang tidak ditunjukkan, %d semuanya. Peristiwa itu telah dipadamkan daripada lejar, atau dikeluarkan oleh seseorang daripada bukti ini.",
	"open.independent": "Bahawa sesiapa yang bebas daripada pemilik lejar telah melihat pokok yang sama.",
	"open.quorum":      "Bahawa bilangan saksi yang mencukupi telah melihat pokok yang sama: fail kepercayaan tidak menamakan sesiapa, atau terlalu sedikit yang menandatangani.",
	"open.registry":    "Bahawa tiada peristiwa daftar yang tidak ditunjukkan membatalkan kunci, menggantung pengendali atau mengisytiharkan semula sesuatu sebelum itu. Lejar menerima daun-daun ini, maka lejar mengatakan tiada.",
	"open.revocation":  "Bahawa tiada sijil pihak berkuasa cap masa yang dibatalkan.",
	"open.revoked":     "Bilakah pokok %s itu ada, menurut cap masa ke atasnya: sijil pihak berkuasanya telah dibatalkan, menurut senarai dalam fail kepercayaan, dan token itu tidak dikira.",
	"open.persons":     "Siapa di sebalik sesuatu nama samaran.",

	"events":      "Peristiwa",
	"event":       "Peristiwa",
	"event.time":  "Masa, menurut kenyataannya",
	"recorder":    "Perakam",
	"type":        "Jenis",
	"withheld":    "tidak ditunjukkan",
	"events.more": "%d lagi tidak disenaraikan di sini; saksi verify --records menyenaraikan semuanya.",

	"custody":           "Jagaan fail ini",
	"custody.none":      "Tidak diketahui tangan siapa yang telah dilaluinya.",
	"custody.did":       "Perbuatan",
	"custody.by":        "Oleh",
	"custody.key":       "Kunci",
	"custody.known":     "dinamakan dalam fail kepercayaan",
	"custody.unknown":   "tidak dinamakan dalam fail kepercayaan",
	"custody.note":      "Catatan",
	"custody.backwards": "sebelum entri di atas",
	"action.made":       "dibuat daripada lejar",
	"action.redacted":   "dibuat dengan mengeluarkan peristiwa daripada fail lain",
	"action.handed":     "diserahkan",
	"action.received":   "diterima",
	"action.examined":   "diperiksa",
	"action.stored":     "disimpan",

	"s90a.draft": "DRAF UNTUK PEGUAM — BUKAN PERAKUAN",
	"s90a.title": "Perakuan di bawah seksyen 90A Akta Keterangan 1950 (Akta 56), Malaysia",
	"s90a.warn":  "Draf ini dibuat oleh program, daripada apa yang ditemuinya dalam bukti. Ia bukan nasihat undang-undang. Peguam mesti membandingkannya dengan Akta dan kaedah mahkamah yang terkini, menentukan sama ada seksyen itu terpakai, memotong apa yang tidak benar, dan mendapatkan tandatangan orang yang dibenarkan oleh seksyen itu. Ruang kosong diisi oleh orang itu, daripada pengetahuannya sendiri.",
	"s90a.1":     "Saya, ____________________ (nama), ____________________ (kad pengenalan atau pasport), dari ____________________ (organisasi), memegang jawatan ____________________.",
	"s90a.2":     "Saya bertanggungjawab atas pengurusan pengendalian komputer yang diperihalkan di bawah, atau atas perjalanan kegiatan yang baginya komputer itu digunakan. [Peguam: yang mana satu, dan sejak bila.]",
	"s90a.3":     "Komputer: nod lejar %s, di ____________________. [Peguam: dan komputer yang menyusun dokumen itu, jika lain.]",
	"s90a.4":     "Dokumen: fail %s sebesar %d bait, dengan cerna SHA-256 %s, yang menunjukkan %s pada %s lejar itu, daripada pokok %s dengan akar %s.",
	"s90a.5":     "Dokumen itu dikeluarkan oleh komputer tersebut dalam perjalanan penggunaannya yang biasa.",
	"s90a.6":     "Sepanjang pengetahuan dan kepercayaan saya, komputer itu berfungsi dan beroperasi dengan baik sepanjang tempoh dokumen itu dikeluarkan, atau jika tidak, keadaan itu tidak menjejaskan dokumen, kerana: ____________________.",
	"s90a.7":     "Apa yang dinyatakan di sini adalah sepanjang pengetahuan dan kepercayaan saya. Apa yang dinyatakan oleh peristiwa adalah kata pengendali yang menandatanganinya: saya memperakui bagaimana dokumen itu dikeluarkan, dan bukan bahawa ia benar.",
	"s90a.sign":  "Tandatangan: ____________________   Tarikh: ____________________   Di hadapan: ____________________",
}

// events and leaves count them.
func (w words) events(n any) string { return w.counted(n, "one.event", "events.n") }
func (w words) leaves(n any) string { return w.counted(n, "one.leaf", "leaves.n") }

func (w words) counted(n any, one, more string) string {
	if fmt.Sprint(n) == "1" {
		return w.say(one)
	}
	return w.say(more, n)
}
