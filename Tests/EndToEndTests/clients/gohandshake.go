// Arguments: PORT NAME. A TLS handshake with Go's trust (SSL_CERT_FILE); prints "accepted" or "refused: why".
package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], &tls.Config{ServerName: os.Args[2]})
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	connection.Close()
	fmt.Println("accepted")
}
