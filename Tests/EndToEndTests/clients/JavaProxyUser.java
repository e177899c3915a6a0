import java.net.Authenticator;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.ProxySelector;
import java.net.Proxy;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/**
 * Both of Java's HTTP clients with a user for the proxy, which they name only when they are asked (407).
 * Arguments: PROXY-HOST PROXY-PORT USER PASSWORD URL; the trust store comes from JAVA_TOOL_OPTIONS. Prints two statuses.
 */
public class JavaProxyUser {
    public static void main(String[] arguments) throws Exception {
        // Java sends no Basic credentials with a CONNECT unless it is told that it may.
        System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
        InetSocketAddress address = new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
        Authenticator user = new Authenticator() {
            @Override
            protected PasswordAuthentication getPasswordAuthentication() {
                return new PasswordAuthentication(arguments[2], arguments[3].toCharArray());
            }
        };
        HttpClient client = HttpClient.newBuilder().proxy(ProxySelector.of(address)).authenticator(user).build();
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[4])).build();
        System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
        Authenticator.setDefault(user);
        HttpURLConnection connection = (HttpURLConnection) URI.create(arguments[4]).toURL()
            .openConnection(new Proxy(Proxy.Type.HTTP, address));
        System.out.println(connection.getResponseCode());
        System.exit(0);
    }
}
