import java.io.*;
import java.net.*;

/** Two accounts; a transfer locks both of them, the one that gives first. */
public class Konto {
    static final Object a = new Object(), b = new Object();

    static void transfer(Object from, Object to, int pause) throws Exception {
        synchronized (from) { Thread.sleep(pause); synchronized (to) { } }
    }

    static void serve(Socket client) {
        try (client) {
            String line = new BufferedReader(new InputStreamReader(client.getInputStream())).readLine();
            if (line == null) return;
            boolean back = line.startsWith("back");
            transfer(back ? b : a, back ? a : b, line.endsWith("slow") ? 500 : 0);
            client.getOutputStream().write("gebucht\n".getBytes());
        } catch (Exception e) {
            System.err.println("WARNUNG: " + e);
        }
    }

    public static void main(String[] args) throws Exception {
        ServerSocket door = new ServerSocket(21561, 100, InetAddress.getLoopbackAddress());
        System.err.println("INFO: Konto bereit");
        while (true) {
            Socket client = door.accept();
            Thread thread = new Thread(() -> serve(client));
            thread.setDaemon(true);
            thread.start();
        }
    }
}
