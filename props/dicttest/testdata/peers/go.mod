module example.org/peers

go 1.26.0

require (
	github.com/alphadose/haxmap v1.4.0
	github.com/bluele/gcache v0.0.2
	github.com/cockroachdb/swiss v0.0.0-20260820225851-333444432258
	github.com/dolthub/swiss v0.2.1
	github.com/elastic/go-freelru v0.13.0
	github.com/golang/groupcache v0.0.0-20241129210726-2c02b8208cf8
	github.com/hashicorp/golang-lru/v2 v2.0.7
	github.com/kamstrup/intmap v0.2.0
	github.com/wk8/go-ordered-map/v2 v2.1.8
	github.com/zyedidia/generic v1.2.1
	heapfuzz v0.0.0
)

require (
	github.com/bahlo/generic-list-go v0.2.0 // indirect
	github.com/buger/jsonparser v1.1.1 // indirect
	github.com/dolthub/maphash v0.1.0 // indirect
	github.com/mailru/easyjson v0.7.7 // indirect
	github.com/segmentio/fasthash v1.0.3 // indirect
	golang.org/x/exp v0.0.0-20221031165847-c99f073a8326 // indirect
	golang.org/x/sys v0.49.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

replace heapfuzz => ../../../..
