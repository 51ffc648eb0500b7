import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;
import one.jfr.ClassRef;
import one.jfr.JfrReader;
import one.jfr.MethodRef;
import one.jfr.StackTrace;
import one.jfr.event.ContendedLock;
import one.jfr.event.Event;
import one.jfr.event.ExecutionSample;
import org.openjdk.jmc.common.IMCFrame;
import org.openjdk.jmc.common.IMCStackTrace;
import org.openjdk.jmc.common.IMCThread;
import org.openjdk.jmc.common.item.IItem;
import org.openjdk.jmc.common.item.IItemCollection;
import org.openjdk.jmc.common.item.IItemIterable;
import org.openjdk.jmc.common.item.IMemberAccessor;
import org.openjdk.jmc.flightrecorder.JfrAttributes;
import org.openjdk.jmc.flightrecorder.JfrLoaderToolkit;

/**
 * Reads all monitor-enter, park and execution-sample events with thread id and the name of the top
 * frame, by one of several readers. Prints count, a sum of the thread ids, characters of the top
 * frames' names, and the CPU time of the process.
 */
public class Readers {
    static long count, tids, names;

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "one.jfr" -> oneJfr(args[1]);
            case "jmc" -> jmc(args[1]);
            case "jdk" -> jdk(args[1]);
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.out.println(count + " events, thread ids " + tids + ", names " + names);
    }

    static void oneJfr(String file) throws Exception {
        try (JfrReader reader = new JfrReader(file)) {
            Map<Long, Integer> lengths = new HashMap<>();
            // The constants of a chunk are replaced by those of the next, so each chunk by itself.
            boolean more = true;
            while (more) {
                for (Event event; (event = reader.readEvent()) != null; ) {
                    if (!(event instanceof ContendedLock) && !(event instanceof ExecutionSample)) continue;
                    count++;
                    tids += event.tid;
                    StackTrace stack = reader.stackTraces.get(event.stackTraceId);
                    if (stack != null && stack.methods.length > 0) {
                        names += lengths.computeIfAbsent(stack.methods[0], id -> nameLength(reader, id));
                    }
                }
                lengths.clear();
                more = reader.hasMoreChunks();
            }
        }
    }

    static int nameLength(JfrReader reader, long id) {
        MethodRef method = reader.methods.get(id);
        if (method == null) return 0;
        ClassRef type = reader.classes.get(method.cls);
        byte[] name = reader.symbols.get(method.name);
        byte[] typeName = type == null ? null : reader.symbols.get(type.name);
        return (name == null ? 0 : name.length) + (typeName == null ? 0 : typeName.length);
    }

    static boolean isWanted(String type) {
        return type.equals("jdk.JavaMonitorEnter") || type.equals("jdk.ThreadPark") || type.equals("jdk.ExecutionSample");
    }

    static void jmc(String file) throws Exception {
        IItemCollection all = JfrLoaderToolkit.loadEvents(new File(file));
        for (IItemIterable items : all) {
            if (!isWanted(items.getType().getIdentifier())) continue;
            IMemberAccessor<IMCThread, IItem> thread = JfrAttributes.EVENT_THREAD.getAccessor(items.getType());
            IMemberAccessor<IMCStackTrace, IItem> stack = JfrAttributes.EVENT_STACKTRACE.getAccessor(items.getType());
            for (IItem item : items) {
                count++;
                IMCThread t = thread == null ? null : thread.getMember(item);
                if (t != null && t.getThreadId() != null) tids += t.getThreadId();
                IMCStackTrace s = stack == null ? null : stack.getMember(item);
                if (s != null && !s.getFrames().isEmpty()) {
                    IMCFrame frame = s.getFrames().get(0);
                    if (frame.getMethod() != null && frame.getMethod().getMethodName() != null) {
                        names += frame.getMethod().getMethodName().length();
                    }
                }
            }
        }
    }

    static void jdk(String file) throws Exception {
        try (RecordingFile recording = new RecordingFile(Path.of(file))) {
            while (recording.hasMoreEvents()) {
                RecordedEvent event = recording.readEvent();
                if (!isWanted(event.getEventType().getName())) continue;
                count++;
                RecordedThread thread = event.hasField("sampledThread") ? event.getThread("sampledThread") : event.getThread();
                if (thread != null) tids += thread.getOSThreadId();
                if (event.getStackTrace() != null && !event.getStackTrace().getFrames().isEmpty()) {
                    RecordedFrame frame = event.getStackTrace().getFrames().get(0);
                    names += frame.getMethod().getName().length() + frame.getMethod().getType().getName().length();
                }
            }
        }
    }
}
