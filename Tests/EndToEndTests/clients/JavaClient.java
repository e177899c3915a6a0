import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Java's own HTTP client; proxy and trust store come from JAVA_TOOL_OPTIONS.
 * Arguments: 1.1|default FILE "name: value"… Output as node_https.js.
 */
public class JavaClient {
    public static void main(String[] arguments) throws Exception {
        HttpClient.Builder builder = HttpClient.newBuilder();
        if (arguments[0].equals("1.1")) {
            builder.version(HttpClient.Version.HTTP_1_1);
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofFile(Path.of(arguments[1])));
        for (int index = 2; index < arguments.length; index++) {
            String[] field = arguments[index].split(":", 2);
            request.header(field[0], field[1].strip());
        }
        try {
            HttpResponse<InputStream> answer =
                builder.build().send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            byte[] buffer = new byte[65536];
            for (int count = answer.body().read(buffer); count >= 0; count = answer.body().read(buffer)) {
                if (text.size() == 0 && count > 0) {
                    System.out.println("first");
                }
                text.write(buffer, 0, count);
            }
            String version = answer.version() == HttpClient.Version.HTTP_2 ? "2" : "1";
            System.out.println("{\"status\": " + answer.statusCode() + ", \"version\": \"" + version + "\", \"text\": "
                + quoted(text.toString(StandardCharsets.UTF_8)) + "}");
        } catch (IOException error) {
            System.out.println("{\"error\": " + quoted(error.toString()) + "}");
        }
        System.exit(0);
    }

    private static String quoted(String text) {
        StringBuilder result = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') {
                result.append('\\').append(letter);
            } else if (letter < 0x20 || letter > 0x7e) {
                result.append(String.format("\\u%04x", (int) letter));
            } else {
                result.append(letter);
            }
        }
        return result.append('"').toString();
    }
}
