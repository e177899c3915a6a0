import java.net.Socket;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Arguments: PORT NAME. A TLS handshake with Java's trust store; prints "accepted" or "refused: why". */
public class JavaHandshake {
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
        try (Socket plain = new Socket("127.0.0.1", port);
            SSLSocket socket = (SSLSocket) factory.createSocket(plain, arguments[1], port, true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            System.out.println("accepted");
        } catch (SSLException error) {
            System.out.println("refused: " + error.getMessage());
        }
    }
}
