package edgemq.interop;

import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What all cases of a run share: the settings, the line to the runner, and one admin client. */
final class Shared implements AutoCloseable {
    private final Settings settings;
    private final Control control;
    private final DefaultMQAdminExt admin;
    private AdminFixture fixture;

    Shared(Settings settings, Control control) throws Exception {
        this.settings = settings;
        this.control = control;
        admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(settings.namesrvAddr());
        admin.setInstanceName("shared-admin-" + settings.prefix());
        admin.start();
    }

    /** A topic and a group that the mqadmin cases look at, made by the first of them. */
    synchronized AdminFixture fixture() throws Exception {
        if (fixture == null) fixture = new AdminFixture(new Kit("mqadmin", this));
        return fixture;
    }

    Settings settings() {
        return settings;
    }

    Control control() {
        return control;
    }

    DefaultMQAdminExt admin() {
        return admin;
    }

    @Override
    public void close() {
        if (fixture != null) fixture.kit().close();
        admin.shutdown();
    }
}
