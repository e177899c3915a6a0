// Go's net/http with its default transport, which reads HTTPS_PROXY and SSL_CERT_FILE.
// Arguments: FILE "name: value"… Output as node_https.js.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func report(value map[string]any) {
	line, _ := json.Marshal(value)
	fmt.Println(string(line))
	os.Exit(0)
}

func main() {
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		report(map[string]any{"error": err.Error()})
	}
	request, _ := http.NewRequest("POST", "https://api.openai.com/v1/chat/completions", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	for _, field := range os.Args[2:] {
		name, value, _ := strings.Cut(field, ":")
		request.Header.Set(name, strings.TrimSpace(value))
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		report(map[string]any{"error": err.Error()})
	}
	var text bytes.Buffer
	buffer := make([]byte, 65536)
	for {
		count, err := answer.Body.Read(buffer)
		if count > 0 && text.Len() == 0 {
			fmt.Println("first")
		}
		text.Write(buffer[:count])
		if err == io.EOF {
			break
		}
		if err != nil {
			report(map[string]any{"error": err.Error()})
		}
	}
	report(map[string]any{"status": answer.StatusCode, "text": text.String(), "version": fmt.Sprint(answer.ProtoMajor)})
}
