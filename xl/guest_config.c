/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest_config.h"

#include "tools/common/log.h"
#include "xl_qmp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A guest's configuration is a page of text. */
#define CONFIG_MAX (1u << 20)

void guest_config_init(struct guest_config *config)
{
    *config = (struct guest_config){ .path = NULL };
    qmp_buf_init(&config->text, CONFIG_MAX);
}

void guest_config_dispose(struct guest_config *config)
{
    if (config->parsed)
        xlu_cfg_destroy(config->parsed);
    if (config->report)
        fclose(config->report);
    free(config->complaint);
    qmp_buf_dispose(&config->text);
    config->parsed = NULL;
    config->report = NULL;
    config->complaint = NULL;
}

int guest_config_set(struct guest_config *config, const char *setting)
{
    return qmp_buf_printf(&config->text, "\n%s\n", setting);
}

/* Puts the file before the settings. */
static int read_file(struct guest_config *config)
{
    FILE *file = fopen(config->path, "re");
    struct qmp_buf text;
    char bytes[4096];
    size_t n;

    if (!file) {
        log_error("create: cannot read %s: %m", config->path);
        return XL_QMP_USAGE;
    }
    qmp_buf_init(&text, CONFIG_MAX);
    while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
        if (qmp_buf_append(&text, bytes, n))
            break;
    if (n || ferror(file) ||
        qmp_buf_append(&text, config->text.data, config->text.len)) {
        log_error("create: cannot read %s: %s", config->path,
                  ferror(file) ? strerror(errno) :
                  "not a guest's configuration");
        fclose(file);
        qmp_buf_dispose(&text);
        return XL_QMP_USAGE;
    }
    fclose(file);
    qmp_buf_dispose(&config->text);
    config->text = text;
    return XL_QMP_OK;
}

static int parse(struct guest_config *config)
{
    int r;

    /* libxlutil keeps it as long as the configuration. */
    config->report = open_memstream(&config->complaint,
                                    &config->complaint_n);
    if (config->report)
        config->parsed = xlu_cfg_init(config->report, config->path);
    if (!config->parsed) {
        log_error("out of memory");
        return XL_QMP_CONNECTION;
    }
    r = xlu_cfg_readdata(config->parsed, config->text.data,
                         (int)config->text.len);
    if (!r)
        return XL_QMP_OK;
    fflush(config->report);
    config->complaint[strcspn(config->complaint, "\n")] = '\0';
    log_error("create: %s", *config->complaint ? config->complaint :
              strerror(r));
    return XL_QMP_USAGE;
}

int guest_config_read(struct guest_config *config, const char *path)
{
    int rc;

    config->path = path;
    rc = read_file(config);
    return rc ? rc : parse(config);
}

const char *guest_config_get(const struct guest_config *config,
                             const char *key)
{
    const char *value;

    return xlu_cfg_get_string(config->parsed, key, &value, 1) ? NULL :
           value;
}

unsigned int guest_config_count(const struct guest_config *config,
                                const char *key)
{
    XLU_ConfigList *list;
    int n = 0;

    return xlu_cfg_get_list(config->parsed, key, &list, &n, 1) || n < 0 ?
           0 : (unsigned int)n;
}

const char *guest_config_item(const struct guest_config *config,
                              const char *key, int i)
{
    XLU_ConfigList *list;
    int n;

    return xlu_cfg_get_list(config->parsed, key, &list, &n, 1) ? NULL :
           xlu_cfg_get_listitem(list, i);
}
